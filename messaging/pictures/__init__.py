"""Pictures that the bots send: QR codes and charts, in the palette of the product."""
