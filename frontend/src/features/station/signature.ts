export const WIDTH = 300;
export const HEIGHT = 120;

function drawStroke(context: CanvasRenderingContext2D, stroke: string): void {
  context.beginPath();
  for (const point of stroke.split(" ")) {
    const [x, y] = point.split(",").map(Number);
    context.lineTo(x ?? 0, y ?? 0);
  }
  context.stroke();
}

/** The strokes of a signature ("x,y x,y;x,y …") as a picture. */
export async function signaturePicture(strokes: string): Promise<Blob> {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH * 2;
  canvas.height = HEIGHT * 2;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(2, 2);
  context.lineWidth = 2.5;
  context.lineCap = context.lineJoin = "round";
  strokes.split(";").forEach((stroke) => drawStroke(context, stroke));
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png"),
  );
}
