import { fakeClock } from '@holdfast/core/testing'
import { expect, it } from 'vitest'
import { addressPolicy } from './address-policy.ts'
import { connect } from './connect.ts'

it.each(['10.0.0.1', '::1', '::ffff:10.0.0.1'])(
  '%s is judged once more where the connection is made, and not dialled',
  async (host) => {
    const seam = {
      lookup: () => expect.fail('an address was looked up'),
      dial: () => expect.fail('a refused address was dialled'),
    }
    const pending = connect(
      { host, port: 443, secure: true },
      {
        admitsAddress: addressPolicy([], 'network.allowPrivate'),
        ca: undefined,
        seam,
        clock: fakeClock(),
        timeoutMs: 1_000,
      },
    )
    await expect(pending).rejects.toMatchObject({ code: 'address' })
  },
)
