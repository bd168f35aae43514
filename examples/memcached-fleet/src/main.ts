import { watchFleet } from './story.ts'

await watchFleet(5_000, (line) => console.log(line))
