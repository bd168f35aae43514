import { tellStory } from './story.ts'

await tellStory(2_000, (line) => console.log(line))
