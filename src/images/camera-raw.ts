/**
 * Tells camera raw files from the TIFFs that they are by their first bytes. A TIFF decoder sees only their thumbnail,
 * and a data set of thumbnails would go unnoticed.
 */

/** Tags of TIFF 6.0, TIFF/EP (ISO 12234-2) and DNG 1.6. */
const NEW_SUBFILE_TYPE = 254
const PHOTOMETRIC = 262
const SUB_IFDS = 330
const DNG_VERSION = 50706

/** Colour filter array, and linear raw. */
const RAW_PHOTOMETRICS = [32803, 34892]
const IS_REDUCED = 1

/**
 * @param head  a file's start that holds its first directory, as cameras write it
 * @returns whether the TIFF is a camera's raw file: DNG, NEF, ARW, PEF, ...
 */
export function isCameraRaw(head: Uint8Array): boolean {
  const tags = readFirstDirectory(head)
  if (tags.has(DNG_VERSION) || RAW_PHOTOMETRICS.includes(tags.get(PHOTOMETRIC) ?? 0)) return true
  return tags.has(SUB_IFDS) && ((tags.get(NEW_SUBFILE_TYPE) ?? 0) & IS_REDUCED) === IS_REDUCED
}

/** Tags of a classic TIFF's first directory with their first value, as far as `head` goes. */
function readFirstDirectory(head: Uint8Array): Map<number, number> {
  const tags = new Map<number, number>()
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const little = head[0] === 0x49
  if (head.length < 8 || view.getUint16(2, little) !== 42) return tags
  const start = view.getUint32(4, little)
  if (start + 2 > head.length) return tags
  const count = view.getUint16(start, little)
  for (let i = 0; i < count; i++) {
    const at = start + 2 + 12 * i
    if (at + 12 > head.length) break
    const isShort = view.getUint16(at + 2, little) === 3
    tags.set(view.getUint16(at, little), isShort ? view.getUint16(at + 8, little) : view.getUint32(at + 8, little))
  }
  return tags
}
