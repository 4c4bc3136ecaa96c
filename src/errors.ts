/** The one error class of the toolkit: a code to test for, a message that says found against expected, a hint for the next action. */

export const ERROR_CODES = [
  // the pipeline file and the command line
  'YAML_SYNTAX',
  'PIPELINE_SHAPE',
  'UNKNOWN_STAGE',
  'UNKNOWN_OPTION',
  'OPTION_TYPE',
  'OPTION_OUT_OF_RANGE',
  'OPTION_MISSING',
  'ENV_MISSING',
  'STAGE_INPUT_MISSING',
  'STAGE_MODULE',
  'INPUT_CYCLE',
  'OVERRIDE_INVALID',
  'USAGE',
  'SAMPLE_UNKNOWN',
  // files and folders
  'FILE_MISSING',
  'FILE_UNREADABLE',
  'NO_MATCHES',
  'LIST_INVALID',
  'ARCHIVE_DAMAGED',
  'OUTPUT_READ_ONLY',
  'OUTPUT_FOREIGN',
  'OUTPUT_BUSY',
  'DISK_FULL',
  'CACHE_DAMAGED',
  // one photo
  'NOT_A_FILE',
  'EMPTY_FILE',
  'NOT_AN_IMAGE',
  'UNSUPPORTED_FORMAT',
  'DECODE_FAILED',
  'DECODE_TIMEOUT',
  'TOO_MANY_PIXELS',
  'TOO_SMALL',
  'ASPECT',
  'WORKER_DIED',
  'DUPLICATE',
  'TOO_MANY_FAILURES',
  // one download
  'URL_INVALID',
  'DNS_FAILED',
  'CONNECT_FAILED',
  'TLS_FAILED',
  'STALLED',
  'DEADLINE_PASSED',
  'HTTP_4XX',
  'HTTP_429',
  'HTTP_5XX',
  'HTTP_INVALID',
  'REDIRECT_REFUSED',
  'TOO_LARGE',
  'ROBOTS_REFUSED',
  'PRIVATE_ADDRESS',
  'CHECKSUM_MISMATCH',
  // labels and data sets
  'LABELS_NOT_IDS',
  'UNPAIRED',
  'CLASS_TABLE_INVALID',
  'CLASS_UNKNOWN',
  'TOO_FEW_COLOURS',
  'PALETTE_INVALID',
  'PALETTE_MISMATCH',
  'PALETTE_EDIT_INVALID',
  'LABELS_REJECTED',
  'SPLIT_IMPOSSIBLE',
  'SPLIT_LEAKS',
  'SPLIT_MISSING',
  'COLUMN_UNKNOWN',
  'SIZES_DIFFER',
  'SAFETENSORS_INVALID',
  'DATASET_MISSING',
  'DATASET_VERSION',
  'INDEX_DAMAGED',
  'SHARD_DAMAGED',
  'CREDENTIALS_MISSING',
  'REMOTE_REFUSED',
  'REMOTE_FAILED',
  // training
  'ENGINE_UNAVAILABLE',
  'TRAIN_SIZE',
  'OUT_OF_MEMORY',
  'TRAIN_DIVERGED',
  'CHECKPOINT_DAMAGED',
  'CHECKPOINT_MISMATCH',
  'WEIGHTS_MISMATCH',
  'EXPORT_DIFFERS',
  'INTERRUPTED',
  // painting
  'PORT_TAKEN',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/** A place in a text file, 1-based, with the offending text's length for the caret line. */
export interface SourcePosition {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly length?: number
  /** The text of that line, for the code frame. */
  readonly text?: string
}

export interface PrepErrorDetails {
  /** The next action, as one sentence. */
  readonly hint?: string | undefined
  readonly cause?: unknown
  readonly at?: SourcePosition | undefined
}

/**
 * An error that the user can do something about.
 *
 * Some codes, thrown by work on one photo, concern that photo and are counted (workers/sample-worker.ts has the list);
 * all others stop the run. Anything thrown that is not a `PrepError` is a bug of ours.
 */
export class PrepError extends Error {
  override readonly name = 'PrepError'
  readonly hint: string | undefined
  readonly at: SourcePosition | undefined

  constructor(
    readonly code: ErrorCode,
    message: string,
    { hint, cause, at }: PrepErrorDetails = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.hint = hint
    this.at = at
  }
}

/** Several problems found in one go (a pipeline file is checked whole before it is refused). */
export class PrepErrors extends Error {
  override readonly name = 'PrepErrors'
  constructor(readonly errors: readonly PrepError[]) {
    super(errors.map(error => error.message).join('\n'))
  }
}

/** The system error code (ENOENT, ENOSPC, ...) of anything thrown, if it has one. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

/**
 * Say a failed file operation in our terms.
 *
 * @param action  what was tried, e.g. `write the shard`
 * @returns a PrepError for the failures users meet (missing, unreadable, read-only, disk full), else the error itself
 */
export function fileError(error: unknown, path: string, action: string): Error {
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new PrepError('FILE_MISSING', `cannot ${action}: ${path} does not exist`, {
        hint: `check the path; a relative one starts at ${process.cwd()}`,
        cause: error,
      })
    case 'EACCES':
    case 'EPERM':
      return new PrepError('FILE_UNREADABLE', `cannot ${action}: no permission for ${path}`, {
        hint: 'check the owner and mode of the file and its folders',
        cause: error,
      })
    case 'EISDIR':
      return new PrepError('NOT_A_FILE', `cannot ${action}: ${path} is a folder`, { hint: 'name a file', cause: error })
    case 'EROFS':
      return new PrepError('OUTPUT_READ_ONLY', `cannot ${action}: ${path} is on a read-only file system`, {
        hint: 'choose another place with output: in the pipeline or --set output=DIR',
        cause: error,
      })
    case 'ENOSPC':
    case 'EDQUOT':
      return new PrepError('DISK_FULL', `cannot ${action}: no space left for ${path}`, {
        hint: 'free some space and run the same command again: finished work is kept',
        cause: error,
      })
    default:
      return error instanceof Error ? error : new Error(String(error))
  }
}

/** One error as text: place and code, message, code frame with a caret, hint. */
export function formatError(error: PrepError): string {
  const { at, code, message, hint } = error
  const lines = [at ? `${at.file}:${at.line}:${at.column}  ${code}` : code, ...message.split('\n').map(l => `  ${l}`)]
  if (at?.text !== undefined) {
    const gutter = `  ${at.line} | `
    lines.push(gutter + at.text)
    lines.push(' '.repeat(gutter.length + at.column - 1) + '^'.repeat(Math.max(1, at.length ?? 1)))
  }
  if (hint) lines.push(`  hint: ${hint}; see docs/errors.md#${code.toLowerCase()}`)
  else lines.push(`  see docs/errors.md#${code.toLowerCase()}`)
  return lines.join('\n')
}
