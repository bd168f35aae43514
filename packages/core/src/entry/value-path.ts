/** One step from a value to something inside it: a property, an index, or a part of a Map or Set. */
export type PathStep =
  | string
  | number
  | { readonly part: 'key' | 'value' | 'item'; readonly index: number }

const identifier = /^[A-Za-z_$][\w$]{0,39}$/

/** `.user.roles[2]`, `.byId<value 3>.name`: where in the value the culprit is. */
export function describePath(path: readonly PathStep[]): string {
  if (path.length === 0) return 'the value itself'
  return path.map(describeStep).join('')
}

function describeStep(step: PathStep): string {
  if (typeof step === 'object') return `<${step.part} ${step.index}>`
  if (typeof step === 'string' && identifier.test(step)) return `.${step}`
  return `[${JSON.stringify(typeof step === 'string' && step.length > 40 ? `${step.slice(0, 40)}…` : step)}]`
}
