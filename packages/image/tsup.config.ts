import { buildConfig } from '../../tsup.base.ts'

export default buildConfig({ index: 'src/index.ts', testing: 'src/testing/index.ts' })
