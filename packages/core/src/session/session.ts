/** What a request sees of the visitor it belongs to. It is stored before the response is sent. */
export interface Session {
  /** 256 random bits. A session that is new has one already; it is stored when there is something to store. */
  readonly id: string
  /** Nothing is stored of it yet. */
  readonly isNew: boolean
  /** Unix milliseconds; `undefined` while it is new. */
  readonly createdAt: number | undefined
  readonly lastActivityAt: number | undefined
  /** The fields as a plain object. Changes of it are found and stored as those by `set` are. */
  readonly data: Record<string, unknown>
  get<V = unknown>(field: string): V | undefined
  /**
   * Keeps a value that JSON keeps exactly; `undefined` deletes the field.
   * @throws CodecError for any other value, InvalidOptionError for a member that this library writes itself,
   * ClosedError after `destroy`.
   */
  set(field: string, value: unknown): void
  delete(field: string): void
  /**
   * Stores changes now, for whoever wants to see a refusal itself. Resolves also where the session was destroyed
   * meanwhile: then nothing is stored.
   * @throws SessionError
   */
  save(): Promise<void>
  /** Tells the store that the session is in use, at most once in its pace. Every request does so by itself. */
  touch(): Promise<void>
  /**
   * Gives the session a new id, and its absolute end anew; the old id is dead when this resolves. For every login and
   * every change of rights. The fields stay.
   * @throws SessionError
   */
  regenerate(): Promise<void>
  /**
   * Ends it, in every process at once.
   * @throws SessionError, and then it has not ended.
   */
  destroy(): Promise<void>
}
