/** The checksum of TFRecord frames, which TensorBoard's event files use too. */
import { crc32c } from '../crc32c.js'

/**
 * CRC-32C turned right by 15 bits plus a constant, so that a checksum over data that holds checksums stays good.
 * @see tensorflow/core/lib/hash/crc32c.h, Mask
 */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
