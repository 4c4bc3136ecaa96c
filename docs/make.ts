/** Writes docs/stages.md and docs/pipeline.schema.json from the schemas of the stages: `npm run docs`. */
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { pipelineSchema, stagesDocument } from '../src/pipeline/describe.js'
import { stages } from '../src/stages/index.js'

/** File names in docs/ and their text. */
export const generatedDocs = (): Readonly<Record<string, string>> => ({
  'stages.md': stagesDocument(stages),
  'pipeline.schema.json': `${JSON.stringify(pipelineSchema(stages), null, 2)}\n`,
})

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const [file, text] of Object.entries(generatedDocs())) writeFileSync(new URL(file, import.meta.url), text)
