/// <reference path="./argon2-wasm.d.ts" />
/**
 * Argon2id over the WebAssembly file of @phi-ag/argon2. The package's own JavaScript passes a string's length in UTF-16 units where bytes are
 * counted and so truncates every password that is not ASCII; here only bytes come in. One instance an isolate: hashing is synchronous, so
 * hashes of one isolate wait for each other and share 19 MiB, where an instance a call would hold that much each until collected.
 * Refuses parameters that an isolate has no memory for.
 */
import module from "@phi-ag/argon2/argon2.wasm"
import { type Argon2Parameters, argon2Bounds, argon2Computable } from "./argon2-text.ts"

/** What the file exports. `argon2_hash` takes the arguments of phc-winner-argon2's C function of that name. */
interface Exports {
  readonly memory: WebAssembly.Memory
  readonly _initialize: () => void
  readonly malloc: (bytes: number) => number
  readonly free: (pointer: number) => void
  readonly argon2_hash: (...numbers: readonly number[]) => number
}

const variant = { id: 2, version: 0x13 } as const

let loaded: Exports | undefined

function load(): Exports {
  if (loaded === undefined) {
    const exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports
    exports._initialize()
    loaded = exports
  }
  return loaded
}

/** Gives `use` a piece of the instance's memory, which is zero again afterwards. */
function lend<T>(exports: Exports, length: number, bytes: Uint8Array | null, use: (pointer: number) => T): T {
  const size = Math.max(1, length)
  const pointer = exports.malloc(size)
  if (pointer === 0) throw new Error("Argon2 has no memory left")
  try {
    // The view is made anew each time: memory that grows detaches the buffers before it.
    if (bytes !== null) new Uint8Array(exports.memory.buffer, pointer, length).set(bytes)
    return use(pointer)
  } finally {
    new Uint8Array(exports.memory.buffer, pointer, size).fill(0)
    exports.free(pointer)
  }
}

function compute(exports: Exports, password: Uint8Array, salt: Uint8Array, cost: Argon2Parameters, length: number) {
  return lend(exports, password.length, password, (passwordAt) =>
    lend(exports, salt.length, salt, (saltAt) =>
      lend(exports, length, null, (hashAt) => {
        const status = exports.argon2_hash(
          cost.passes,
          cost.memoryKiB,
          cost.lanes,
          passwordAt,
          password.length,
          saltAt,
          salt.length,
          hashAt,
          length,
          0,
          0,
          variant.id,
          variant.version,
        )
        if (status !== 0) throw new Error(`Argon2 failed with status ${status}`)
        return new Uint8Array(exports.memory.buffer, hashAt, length).slice()
      }),
    ),
  )
}

/**
 * One hash: about 20 ms of CPU with the default parameters, never interrupted.
 * @param password the bytes of the password; the copy that is made of them is zeroed, the caller zeroes its own
 * @param salt 8 to 64 bytes
 * @param length bytes of the hash, 4 to 64
 * @throws RangeError for what an isolate cannot compute; Error when its memory is used up
 */
export function argon2id(password: Uint8Array, salt: Uint8Array, cost: Argon2Parameters, length = 32): Uint8Array {
  const { bytes } = argon2Bounds
  if (!argon2Computable(cost) || salt.length < 8 || salt.length > bytes || length < 4 || length > bytes)
    throw new RangeError("Argon2 parameters are out of bounds")
  try {
    return compute(load(), password, salt, cost, length)
  } catch (fault) {
    // What trapped may have left its memory in any state: the next hash gets a new instance.
    loaded = undefined
    throw fault
  }
}
