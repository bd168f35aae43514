import { type Answer, pageAnswer } from '../answers.ts'
import { markup } from './markup.ts'
import { script } from './script.ts'
import { style } from './style.ts'

/**
 * The one page, the same for everybody: all it shows it asks for later, and sets as text. It is kept as text in this
 * package, readable as it is sent, because a file beside the code is lost by whoever bundles the code.
 */
export const page = (): Answer =>
  (made ??= pageAnswer(
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Holdfast inspector</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>${markup}<script>${script}</script></body>
</html>
`,
    script,
    style,
  ))

// Made when it is first asked for: who imports this for metrics has no page to pay for.
let made: Answer | undefined
