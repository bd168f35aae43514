import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { imagesPage } from './images-page.ts'
import { type ImagesResults, imagesPagePath, imagesResultsPath } from './images-results.ts'

test('the committed page about images is what the committed results say', () => {
  const results = JSON.parse(readFileSync(imagesResultsPath, 'utf8')) as ImagesResults
  expect(readFileSync(imagesPagePath, 'utf8')).toBe(imagesPage(results))
})
