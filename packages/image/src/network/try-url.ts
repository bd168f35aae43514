/** `URL.parse`, which the oldest Node that this runs on may not have. */
export function tryUrl(text: string, base?: URL): URL | undefined {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}
