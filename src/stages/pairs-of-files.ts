/** From pairs of files to samples: both identified by content, the photo giving the sample its identity. */
import { extname } from 'node:path'
import type { StageContext } from '../pipeline/stage.js'
import type { Sample, Split } from '../sample.js'
import { identifyFiles } from './identity.js'
import { namesFor } from './names.js'
import type { FilePair } from './pairing.js'

/**
 * @param field  what the label files hold: ids or a drawing
 * @param split  of each pair, where its folder says
 * @returns a sample for each pair whose files could both be read
 */
export async function samplesOfPairs(
  pairs: readonly (FilePair & { readonly split?: Split | undefined })[],
  field: 'label' | 'drawing',
  context: StageContext,
): Promise<Sample[]> {
  const names = namesFor(
    pairs.map(({ name, photo }) => name + extname(photo.path)),
    '',
  )
  const identities = await identifyFiles(
    pairs.flatMap(({ photo, label }, index) => [photo, label].map(file => ({ ...file, name: names[index]! }))),
    context,
  )
  return pairs.flatMap(({ photo, label, split }, index): Sample[] => {
    const [sha256, ofLabel] = [identities.get(photo.path), identities.get(label.path)]
    if (!sha256 || !ofLabel) return []
    return [
      {
        name: names[index]!,
        source: photo.path,
        sha256,
        photo: { kind: 'file', path: photo.path, sha256 },
        [field]: { kind: 'file', path: label.path, sha256: ofLabel },
        ...(split && { split }),
      },
    ]
  })
}
