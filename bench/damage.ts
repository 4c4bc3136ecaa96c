/** What goes wrong with photos, done to good ones on purpose. */
import sharp, { type Sharp } from 'sharp'

export interface Picture {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

export async function toPicture(image: Sharp): Promise<Picture> {
  const { data, info } = await image.removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  return { data: new Uint8Array(data), width: info.width, height: info.height }
}

const open = ({ data, width, height }: Picture): Sharp => sharp(data, { raw: { width, height, channels: 3 } })
const blur = (sigma: number) => (picture: Picture) => toPicture(open(picture).blur(sigma))
const jpeg = (quality: number) => async (picture: Picture) =>
  toPicture(sharp(await open(picture).jpeg({ quality }).toBuffer()))
const enlarge = (times: number) => async (picture: Picture) => {
  const { width, height } = picture
  const small = await open(picture)
    .resize(Math.round(width / times), Math.round(height / times))
    .png()
    .toBuffer()
  return toPicture(sharp(small).resize(width, height, { fit: 'fill' }))
}

const eachCode =
  (change: (code: number) => number) =>
  (picture: Picture): Picture => ({ ...picture, data: Uint8Array.from(picture.data, v => clip(change(v))) })
const clip = (code: number): number => Math.max(0, Math.min(255, Math.round(code)))

/** Sideways by so many px. */
const shake =
  (px: number) =>
  (picture: Picture): Picture => {
    const { data, width, height } = picture
    const out = new Uint8Array(data.length)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < 3; c++) {
          let sum = 0
          for (let k = 0; k < px; k++) sum += data[3 * (y * width + Math.min(width - 1, x + k)) + c]!
          out[3 * (y * width + x) + c] = sum / px
        }
    return { ...picture, data: out }
  }

/** Gaussian, each channel by itself, the same each time. */
const noise = (deviation: number) => (picture: Picture) => {
  let state = 1
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state + 1) / 2 ** 32
  }
  const gauss = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())
  return eachCode(v => v + deviation * gauss())(picture)
}

export const DAMAGES: Readonly<Record<string, (picture: Picture) => Picture | Promise<Picture>>> = {
  'Gaussian blur 1 px': blur(1),
  'Gaussian blur 2 px': blur(2),
  'Gaussian blur 3 px': blur(3),
  'Gaussian blur 5 px': blur(5),
  'Gaussian blur 8 px': blur(8),
  'motion blur 9 px': shake(9),
  'motion blur 15 px': shake(15),
  'motion blur 31 px': shake(31),
  'enlarged 4 times': enlarge(4),
  'enlarged 8 times': enlarge(8),
  'darkened to 30%': eachCode(v => 0.3 * v),
  'darkened to 15%': eachCode(v => 0.15 * v),
  'darkened to 5%': eachCode(v => 0.05 * v),
  'exposed twice': eachCode(v => 2 * v),
  'exposed 3 times': eachCode(v => 3 * v),
  'exposed 6 times': eachCode(v => 6 * v),
  'fog, 50% left': eachCode(v => 200 + 0.5 * (v - 200)),
  'fog, 20% left': eachCode(v => 200 + 0.2 * (v - 200)),
  'fog, 10% left': eachCode(v => 200 + 0.1 * (v - 200)),
  'noise of 10 codes': noise(10),
  'noise of 25 codes': noise(25),
  'noise of 60 codes': noise(60),
  'JPEG quality 5': jpeg(5),
  'JPEG quality 1': jpeg(1),
  'one colour': eachCode(() => 127),
  'one colour, noise of 2 codes': picture => noise(2)(eachCode(() => 127)(picture)),
}
