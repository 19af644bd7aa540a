// Pictures. They are drawn on canvases: an <img> can't send the key, and the page's policy lets no picture in but the program's own.
import { useEffect, useRef, useState } from 'preact/hooks';
import { request } from './api';
import { has } from './routes';
import { Placeholder } from './shop/placeholder';

export function pictureOf(file: Blob): Promise<ImageBitmap> {
  return createImageBitmap(file);
}

// least: pixels of the longer side that a small picture is drawn with, so that what lies over it is fine.
export function Drawn({ bitmap, label, over, strength = 0, least = 0 }: { bitmap: ImageBitmap; label: string; over?: ImageBitmap | null; strength?: number; least?: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const c = canvas.current;
    if (!c) return;
    const scale = Math.max(1, least / Math.max(bitmap.width, bitmap.height));
    c.width = Math.round(bitmap.width * scale);
    c.height = Math.round(bitmap.height * scale);
    const pen = c.getContext('2d');
    if (!pen) return;
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(bitmap, 0, 0, c.width, c.height);
    if (over && strength > 0) {
      pen.globalAlpha = strength;
      pen.drawImage(over, 0, 0, c.width, c.height);
      pen.globalAlpha = 1;
    }
  }, [bitmap, over, strength, least]);
  return label ? <canvas ref={canvas} role="img" aria-label={label} /> : <canvas ref={canvas} aria-hidden="true" />;
}

// What was fetched stays for the visit, null: it has none.
const kept = new Map<string, Promise<ImageBitmap | null>>();
function fetched(id: string, size: number): Promise<ImageBitmap | null> {
  const path = `/v1/products/${encodeURIComponent(id)}/picture?size=${size}`;
  let promise = kept.get(path);
  if (!promise) {
    promise = request('GET', path).then(async (r) => createImageBitmap(await r.blob())).catch(() => null);
    if (kept.size > 400) kept.clear();
    kept.set(path, promise);
  }
  return promise;
}

// A product's picture, asked for when it comes into sight; without one a tile. Its room is there from the first.
export function ProductPicture({ id, title, size = 256 }: { id: string; title: string; size?: number }) {
  const [bitmap, setBitmap] = useState<ImageBitmap | null>(null);
  const frame = useRef<HTMLSpanElement>(null);
  const there = has('GET /v1/products/{}/picture');
  useEffect(() => {
    setBitmap(null);
    if (!frame.current || !there) return;
    let current = true;
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((e) => e.isIntersecting)) return;
      seen.disconnect();
      void fetched(id, size).then((b) => current && setBitmap(b));
    }, { rootMargin: '200px' });
    seen.observe(frame.current);
    return () => {
      current = false;
      seen.disconnect();
    };
  }, [id, size, there]);
  return (
    <span ref={frame} class="picture">
      {bitmap ? <Drawn bitmap={bitmap} label={title} /> : <Placeholder id={id} />}
    </span>
  );
}
