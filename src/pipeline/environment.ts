/** `${NAME}` and `${NAME:-default}` in the values of a pipeline file; `$${` stands for a plain `${`. */

const REFERENCE = /\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g

export interface Interpolated {
  readonly text: string
  /** Names without a value or a default. */
  readonly missing: readonly string[]
  readonly changed: boolean
  /** Variables whose values went in. */
  readonly used: Readonly<Record<string, string>>
}

/** Replace every reference; an empty variable counts as unset when there is a default, as in a shell. */
export function interpolate(text: string, environment: Readonly<Record<string, string | undefined>>): Interpolated {
  const missing: string[] = []
  const used: Record<string, string> = {}
  const result = text.replace(REFERENCE, (all, escaped: string | undefined, name: string, fallback?: string) => {
    if (escaped) return escaped
    const value = environment[name]
    if (value) used[name] = value
    if (fallback !== undefined) return value ? value : fallback
    if (value === undefined) missing.push(name)
    return value ?? all
  })
  return { text: result, missing, changed: result !== text, used }
}
