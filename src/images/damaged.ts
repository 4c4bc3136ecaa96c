/** Damaged photos: is there enough to see in one to keep it? */
import sharp from 'sharp'

/** A damaged photo of which less than this can be seen is none. */
const LEAST_SHOWN = 0.1

/** What could not be decoded is filled with one colour: does enough of the photo differ from it? */
export async function showsAnything(data: Uint8Array | string, maxPixels: number): Promise<boolean> {
  const rgb = await sharp(data, { failOn: 'none', limitInputPixels: maxPixels })
    .resize({ width: 64, height: 64, fit: 'fill', kernel: 'nearest' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer()
  const counts = new Map<number, number>()
  for (let i = 0; i + 2 < rgb.length; i += 3) {
    const colour = (rgb[i]! << 16) | (rgb[i + 1]! << 8) | rgb[i + 2]!
    counts.set(colour, (counts.get(colour) ?? 0) + 1)
  }
  return Math.max(...counts.values()) <= (1 - LEAST_SHOWN) * (rgb.length / 3)
}
