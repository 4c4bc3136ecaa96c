/** The value of `--class`. */
import { InvalidArgumentError } from 'commander'

/** `http_429,stall` */
export function parseClasses(text: string): ReadonlySet<string> {
  const classes = text
    .split(',')
    .map(word => word.trim().toLowerCase())
    .filter(word => word !== '')
  const odd = classes.find(word => !/^[a-z][a-z0-9_]*$/.test(word))
  if (!classes.length || odd !== undefined)
    throw new InvalidArgumentError('expected classes such as http_429,stall; prep failures RUN shows them')
  return new Set(classes)
}
