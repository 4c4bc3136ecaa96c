/** Files that options name (class tables, palettes): what is missing is said before any photo is looked at. */
import { access, constants } from 'node:fs/promises'
import { relative } from 'node:path'
import { fileError, PrepError, PrepErrors } from '../errors.js'
import type { Pipeline } from './parse.js'

/**
 * Those in the pipeline's own output may be made by its steps and are left to them.
 *
 * @param until  index of the last step that is to run
 * @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`: every such file
 */
export async function checkInputFiles({ steps, output }: Pipeline, until = steps.length - 1): Promise<void> {
  const files = steps.slice(0, until + 1).flatMap(({ stage, options }) => stage.files?.(options) ?? [])
  const outside = [...new Set(files)].filter(file => relative(output, file).startsWith('..'))
  const errors: PrepError[] = []
  for (const file of outside)
    await access(file, constants.R_OK).catch((error: unknown) => {
      const problem = fileError(error, file, 'read')
      if (!(problem instanceof PrepError)) throw problem
      errors.push(problem)
    })
  if (errors.length === 1) throw errors[0]
  if (errors.length) throw new PrepErrors(errors)
}
