import { setTimeout as sleep } from 'node:timers/promises'
import type { Directory, Profile } from './profiles.ts'

/** Stands in for the service: slow, counts its calls, and one of its rows is damaged. */
export function slowDirectory(): Directory & { calls: number } {
  const rows: Record<string, Record<string, string>> = {
    'acme/ada': { login: 'ada', name: 'Ada', team: 'engines', joined: '2024-12-10' },
    'acme/grace': { login: 'grace', name: 'Grace', team: 'compilers', joined: '2025-01-09' },
    'acme/bob': { login: 'bob', name: 'Bob', team: 'sales' },
  }
  const directory = {
    calls: 0,
    async profile(org: string, login: string): Promise<Profile> {
      directory.calls++
      await sleep(50)
      return rows[`${org}/${login}`] as unknown as Profile
    },
  }
  return directory
}
