import { demo } from './demo.ts'

const { downloads, made } = await demo(console.log)
console.log(`${downloads} download, ${made.length} pictures made: ${made.join(', ')}`)
