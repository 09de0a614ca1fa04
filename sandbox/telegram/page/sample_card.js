/** Draws an identity card for whoever acts, so that nobody needs a real one to try the checks. */

export async function sampleCard(person) {
  const canvas = document.createElement("canvas");
  canvas.width = 860;
  canvas.height = 540;
  const pen = canvas.getContext("2d");
  const ground = pen.createLinearGradient(0, 0, 860, 540);
  ground.addColorStop(0, "#e9f1ec");
  ground.addColorStop(1, "#c8ddd4");
  pen.fillStyle = ground;
  pen.fillRect(0, 0, 860, 540);
  pen.fillStyle = "#18a672";
  pen.fillRect(0, 0, 860, 84);
  write(pen, "IDENTITY CARD", 40, 55, "600 34px sans-serif", "#fff");
  write(pen, "REPUBLIC OF EXAMPLE", 520, 53, "400 24px sans-serif", "#fff");
  portrait(pen);
  const name = [person.last_name, person.first_name].filter(Boolean).join(" ");
  const lines = [["Name", name], ["Date of birth", "14 March 1990"], ["Number", `EX ${person.id} 407`], ["Valid until", "31 December 2031"]];
  lines.forEach(([label, value], row) => {
    write(pen, label, 320, 150 + row * 84, "400 20px sans-serif", "#4d6157");
    write(pen, value, 320, 184 + row * 84, "600 32px sans-serif", "#12211a");
  });
  pen.save();
  pen.translate(430, 330);
  pen.rotate(-0.32);
  pen.textAlign = "center";
  write(pen, "SPECIMEN", 0, 0, "800 130px sans-serif", "#18a67226");
  pen.restore();
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function write(pen, text, x, y, font, colour) {
  pen.font = font;
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}

function portrait(pen) {
  pen.fillStyle = "#a9c4b8";
  pen.fillRect(40, 124, 230, 300);
  pen.fillStyle = "#5c7d6f";
  pen.beginPath();
  pen.arc(155, 232, 62, 0, 7);
  pen.fill();
  pen.beginPath();
  pen.ellipse(155, 424, 104, 108, 0, Math.PI, 0);
  pen.fill();
}
