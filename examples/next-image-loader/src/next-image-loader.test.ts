import { expect, test } from 'vitest'
import { demo } from './demo.ts'
import imageLoader from './image-loader.ts'

test('the loader names the next larger width that the service makes, and hides nothing of the address', () => {
  const src = 'https://pictures.example.com/a b.jpg?v=1&w=2#x'
  expect(imageLoader({ src, width: 641 })).toBe(`/images/w960/?url=${encodeURIComponent(src)}`)
  expect(imageLoader({ src, width: 9_999 })).toContain('/w1920/')
})

test('four requests for one picture are one download and one picture for each width', async () => {
  const said: string[] = []
  expect(await demo((line) => said.push(line))).toEqual({
    downloads: 1,
    made: ['640', '960', '1920'],
  })
  expect(said[2]).toContain('holdfast; hit')
})
