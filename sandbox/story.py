"""stub"""


async def tell(stage, out):
    return True
