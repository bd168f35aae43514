import { buildConfig } from '../../tsup.base.ts'

export default buildConfig({
  index: 'src/index.ts',
  adapter: 'src/adapter/index.ts',
  sharding: 'src/sharding/index.ts',
  'holdfast-ring': 'src/sharding/cli/holdfast-ring.ts',
  'holdfast-doctor': 'src/doctor/holdfast-doctor.ts',
  testing: 'src/testing/index.ts',
  session: 'src/session/index.ts',
  telemetry: 'src/telemetry/index.ts',
  config: 'src/config/index.ts',
})
