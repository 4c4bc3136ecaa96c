/** The members of a pipeline file besides its steps. */
import { z } from 'zod'

const maxFailures = z
  .union([z.int().min(0), z.string().regex(/^(100|\d{1,2}(\.\d+)?)%$/)])
  .transform(value => (typeof value === 'number' ? { count: value } : { share: Number(value.slice(0, -1)) / 100 }))

export const pipelineOptions = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]+$/)
    .optional()
    .describe('What the run is called: letters, digits, dot, dash and underscore (default: the file name)'),
  seed: z
    .int()
    .min(0)
    .max(0xffffffff)
    .default(42)
    .describe('Start of all randomness: the same seed gives the same bytes'),
  output: z.string().min(1).optional().describe('Folder for everything that the run writes (default: runs/NAME)'),
  max_failures: maxFailures
    .prefault('50%')
    .describe('Stop with exit code 3 when more photos than this are left out: a count, or a share such as 10%'),
  steps: z.array(z.unknown()).min(1).describe('The stages, in order; each gets what those before it gave'),
})
