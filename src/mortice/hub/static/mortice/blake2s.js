// BLAKE2s with a key (RFC 7693), for the mac of a first message alone: WebCrypto has none.
//
//   blake2s(key, message, size) → Uint8Array      a key of 1 to 32 bytes, a mac of 1 to 32

const IV = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
// Which word is mixed in where, one row a round.
const SIGMA = [
  "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8",
  "905724afe1bc683d", "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a",
  "6fe9b308c2d714a5", "a2847615fb9e3cd0",
].map((row) => [...row].map((digit) => parseInt(digit, 16)));
const COLUMNS = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]];
const DIAGONALS = [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]];
const BLOCK = 64;

const turned = (word, by) => (word >>> by) | (word << (32 - by));

function mix(v, [a, b, c, d], x, y) {
  for (const [word, first, second] of [[x, 16, 12], [y, 8, 7]]) {
    v[a] += v[b] + word;
    v[d] = turned(v[d] ^ v[a], first);
    v[c] += v[d];
    v[b] = turned(v[b] ^ v[c], second);
  }
}

function compress(state, block, length, isLast) {
  const view = new DataView(block.buffer);
  const words = SIGMA[0].map((at) => view.getUint32(4 * at, true));
  const v = Uint32Array.from([...state, ...IV]);
  v[12] ^= length;
  if (isLast) v[14] = ~v[14];
  for (const row of SIGMA) {
    [...COLUMNS, ...DIAGONALS].forEach((lane, at) => mix(v, lane, words[row[2 * at]], words[row[2 * at + 1]]));
  }
  state.forEach((_, at) => { state[at] ^= v[at] ^ v[at + 8]; });
}

export function blake2s(key, message, size) {
  const state = Uint32Array.from(IV);
  state[0] ^= 0x01010000 ^ (key.length << 8) ^ size;
  const input = new Uint8Array(BLOCK + message.length); // the key fills a block of its own
  input.set(key);
  input.set(message, BLOCK);
  for (let at = 0; at < input.length; at += BLOCK) {
    const block = new Uint8Array(BLOCK);
    block.set(input.subarray(at, at + BLOCK));
    compress(state, block, Math.min(at + BLOCK, input.length), at + BLOCK >= input.length);
  }
  const view = new DataView(new ArrayBuffer(32));
  state.forEach((word, at) => view.setUint32(4 * at, word, true));
  return new Uint8Array(view.buffer).slice(0, size);
}
