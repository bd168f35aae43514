/**
 * What tests of a page run inside of it. As text: the types of a browser's globals would be those of everything here.
 */

export interface Tried {
  /** The error that setting a script's text met. */
  readonly refused: string
  /** Directives of the policy that stopped something, in the order of the alphabet. */
  readonly blocked: readonly string[]
}

/** A script, a style, a frame and a request that a page's policy should not let be. */
export const tryWhatIsForbidden = /* js */ `(async () => {
  const blocked = []
  document.addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective))
  const script = document.createElement('script')
  let refused = 'nothing'
  try {
    script.text = 'document.title = "run"'
    document.body.append(script)
  } catch (error) {
    refused = error.name
  }
  const style = document.createElement('style')
  style.textContent = 'body { display: none }'
  document.body.append(style)
  const frame = document.createElement('iframe')
  frame.src = location.href
  document.body.append(frame)
  await fetch('http://127.0.0.1:9/').catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 200))
  return { refused, blocked: blocked.sort() }
})()`

export const unnamedControls = /* js */ `[...document.querySelectorAll('button, input, select')]
  .filter((one) => one.textContent.trim() === '' && (one.labels?.length ?? 0) === 0)
  .map((one) => one.id)`

export const unnamedRegions = /* js */ `[...document.querySelectorAll('section')]
  .filter((one) => !one.ariaLabel && !document.getElementById(one.getAttribute('aria-labelledby'))?.textContent)
  .map((one) => one.outerHTML.slice(0, 80))`

export interface Seen {
  /** By how many pixels the page is wider than the screen. */
  readonly tooWide: number
  /** Visible texts whose contrast is below WCAG's 4.5 to 1. */
  readonly pale: readonly string[]
  readonly moving: number
  readonly isDark: boolean
}

export const look = /* js */ `(() => {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[0-9.]+/g).map((part) => {
      const share = Number(part) / 255
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const groundOf = (element) => {
    const { backgroundColor } = getComputedStyle(element)
    const isClear = backgroundColor === 'rgba(0, 0, 0, 0)'
    return isClear && element.parentElement ? groundOf(element.parentElement) : backgroundColor
  }
  const hasText = (one) => [...one.childNodes].some((child) => child.nodeType === 3 && child.nodeValue.trim() !== '')
  const pale = [...document.querySelectorAll('body *')]
    .filter((one) => hasText(one) && one.checkVisibility() && !one.closest('script, style, svg, .skip, option'))
    .flatMap((one) => {
      const [text, ground] = [luminance(getComputedStyle(one).color), luminance(groundOf(one))]
      const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05)
      return contrast < 4.5 ? [one.tagName + ' ' + one.className + ' ' + contrast.toFixed(2)] : []
    })
  const { scrollWidth, clientWidth } = document.documentElement
  return {
    tooWide: scrollWidth - clientWidth,
    pale,
    moving: document.getAnimations().length,
    isDark: luminance(getComputedStyle(document.body).backgroundColor) < 0.2,
  }
})()`
