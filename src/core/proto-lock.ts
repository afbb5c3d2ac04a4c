/** Which number each field and value has in Protocol Buffers, for ever: as it stands in proto.lock.json, beside the application. */

/** Numbers by name; what is removed stays reserved. */
export interface ProtoLock {
  readonly messages: Readonly<
    Record<
      string,
      {
        readonly fields: Readonly<Record<string, { readonly number: number; readonly type: string }>>
        readonly reserved: Readonly<Record<string, number>>
      }
    >
  >
  readonly enums: Readonly<
    Record<
      string,
      { readonly values: Readonly<Record<string, number>>; readonly reserved: Readonly<Record<string, number>> }
    >
  >
}
