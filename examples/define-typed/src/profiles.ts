import type { Cache } from '@holdfast/core'
import * as v from 'valibot'

/** What a profile looks like. */
export const Profile = v.object({
  login: v.string(),
  name: v.string(),
  team: v.string(),
  joined: v.pipe(v.string(), v.isoDate()),
})
export type Profile = v.InferOutput<typeof Profile>

/** A slow service somewhere else. It promises profiles; the schema below holds it to that. */
export interface Directory {
  profile(org: string, login: string): Promise<Profile>
}

/**
 * Loader, key, lifetime, tags and schema of a profile, in one place. The result is a function
 * `(org: string, login: string) => Promise<Profile>`, and the handle of what the cache keeps for it.
 */
export function defineProfile(cache: Cache, directory: Directory) {
  return cache.define('profile', {
    load: (org: string, login: string) => directory.profile(org, login),
    schema: Profile,
    tags: (org) => [`org:${org}`],
    // Part of every key: the next shape of a profile gets the next number, and old entries are not found.
    version: '1',
    ttl: '10m',
    staleWhileRevalidate: '1h',
    staleIfError: '1d',
  })
}
