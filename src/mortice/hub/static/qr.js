// A QR code (ISO/IEC 18004), drawn here because a guest's link must not leave this page: bytes,
// level M, versions 1 to 15, which is 412 letters. `qr(text)` gives rows of booleans, true is dark.

const CHECKS = [0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24]; // bytes in a block
const BLOCKS = [0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10]; // by version
const MASKS = [
  (x, y) => (x + y) % 2, (x, y) => y % 2, (x) => x % 3, (x, y) => (x + y) % 3,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2, (x, y) => ((x * y) % 2) + ((x * y) % 3),
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2, (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2,
];
const range = (n) => [...Array(n).keys()];

// --- bytes ------------------------------------------------------------------------------------

function capacity(version) { // of data and checks, in bytes
  const crosses = version > 1 ? Math.floor(version / 7) + 2 : 0;
  const taken = crosses ? (25 * crosses - 10) * crosses - 55 + (version > 6 ? 36 : 0) : 0;
  return Math.floor(((16 * version + 128) * version + 64 - taken) / 8);
}

const room = (version) => capacity(version) - CHECKS[version] * BLOCKS[version];

function dataOf(bytes, version) {
  const bits = [];
  const put = (value, length) => { for (let i = length - 1; i >= 0; i--) bits.push((value >> i) & 1); };
  put(4, 4); // bytes
  put(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) put(byte, 8);
  put(0, Math.min(4, room(version) * 8 - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  const data = range(bits.length / 8).map((i) => parseInt(bits.slice(8 * i, 8 * i + 8).join(""), 2));
  for (let pad = 0xec; data.length < room(version); pad ^= 0xec ^ 0x11) data.push(pad);
  return data;
}

function times(a, b) { // in GF(256) over 0x11d
  let product = 0;
  for (let i = 7; i >= 0; i--) product = (product << 1) ^ ((product >> 7) * 0x11d) ^ (((b >> i) & 1) * a);
  return product;
}

function divisor(degree) {
  let result = [1];
  for (let i = 0, root = 1; i < degree; i++, root = times(root, 2)) {
    const next = [...result, 0];
    result.forEach((term, at) => { next[at + 1] ^= times(term, root); });
    result = next;
  }
  return result.slice(1);
}

function checksOf(data, by) {
  const rest = by.map(() => 0);
  for (const byte of data) {
    const factor = byte ^ rest.shift();
    rest.push(0);
    by.forEach((term, at) => { rest[at] ^= times(term, factor); });
  }
  return rest;
}

function interleaved(data, version) {
  const count = BLOCKS[version];
  const short = Math.floor(data.length / count);
  const shorts = count - (data.length % count);
  const by = divisor(CHECKS[version]);
  const blocks = range(count).map((i) => {
    const from = i * short + Math.max(0, i - shorts);
    return data.slice(from, from + short + (i < shorts ? 0 : 1));
  });
  const checks = blocks.map((block) => checksOf(block, by));
  const across = (parts, length) => range(length).flatMap((i) => parts.flatMap((part) => (i < part.length ? [part[i]] : [])));
  return [...across(blocks, short + 1), ...across(checks, by.length)];
}

// --- squares ----------------------------------------------------------------------------------

function remainder(value, by, degree) { // of a BCH code
  let rest = value;
  for (let i = 0; i < degree; i++) rest = (rest << 1) ^ ((rest >> (degree - 1)) * by);
  return (value << degree) | rest;
}

function crossings(version, size) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  return [6, ...range(count - 1).map((i) => size - 7 - step * (count - 2 - i))];
}

function frame(version) {
  const size = version * 4 + 17;
  const rows = range(size).map(() => Array(size).fill(null)); // null: for data
  const set = (x, y, dark) => { if (rows[y]?.[x] !== undefined) rows[y][x] = dark; };
  const rings = (cx, cy, reach, isDark) => {
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) set(cx + x, cy + y, isDark(Math.max(Math.abs(x), Math.abs(y))));
    }
  };
  for (let i = 0; i < size; i++) { set(6, i, i % 2 === 0); set(i, 6, i % 2 === 0); }
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) rings(x, y, 4, (ring) => ring !== 2 && ring !== 4);
  const at = crossings(version, size);
  const last = at.length - 1;
  at.forEach((x, i) => at.forEach((y, j) => {
    if (!((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0))) rings(x, y, 2, (ring) => ring !== 1);
  }));
  if (version > 6) {
    const bits = remainder(version, 0x1f25, 12);
    for (let i = 0; i < 18; i++) {
      const [a, b] = [size - 11 + (i % 3), Math.floor(i / 3)];
      set(a, b, ((bits >> i) & 1) === 1);
      set(b, a, ((bits >> i) & 1) === 1);
    }
  }
  writeMask(rows, 0); // keeps its squares free
  return rows;
}

function writeMask(rows, mask) {
  const size = rows.length;
  const bits = remainder(mask, 0x537, 10) ^ 0x5412; // level M is 00
  const dark = (i) => ((bits >> i) & 1) === 1;
  for (let i = 0; i < 15; i++) {
    rows[i < 6 ? i : i < 8 ? i + 1 : size - 15 + i][8] = dark(i);
    rows[8][i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i] = dark(i);
  }
  rows[size - 8][8] = true;
}

function filled(blank, bytes, mask) {
  const rows = blank.map((row) => [...row]);
  const size = rows.length;
  let i = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step++) {
      for (const x of [right, right - 1]) {
        const y = (right + 1) & 2 ? step : size - 1 - step;
        if (rows[y][x] !== null) continue;
        rows[y][x] = (((bytes[i >> 3] >> (7 - (i & 7))) & 1) === 1) !== (MASKS[mask](x, y) === 0);
        i++;
      }
    }
  }
  writeMask(rows, mask);
  return rows;
}

function penalty(rows) { // how hard it is to read
  const size = rows.length;
  const lines = [...rows, ...range(size).map((x) => rows.map((row) => row[x]))].map((line) => line.map(Number).join(""));
  let sum = 0;
  for (const line of lines) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) sum += run.length - 2;
    for (let i = 0; i + 11 <= size; i++) if (/^(00001011101|10111010000)/.test(line.slice(i, i + 11))) sum += 40;
  }
  for (let y = 1; y < size; y++) {
    for (let x = 1; x < size; x++) {
      if (rows[y][x] === rows[y][x - 1] && rows[y][x] === rows[y - 1][x] && rows[y][x] === rows[y - 1][x - 1]) sum += 3;
    }
  }
  const share = (100 * rows.flat().filter(Boolean).length) / (size * size);
  return sum + 10 * Math.floor(Math.abs(share - 50) / 5);
}

export function qr(text) {
  const bytes = new TextEncoder().encode(text);
  const fits = (version) => bytes.length + (version < 10 ? 2 : 3) <= room(version);
  const version = range(16).slice(1).find(fits);
  if (version === undefined) throw new Error("That is too long for a QR code.");
  const whole = [...interleaved(dataOf(bytes, version), version), 0]; // the last bits stay empty
  const blank = frame(version);
  const tried = range(8).map((mask) => filled(blank, whole, mask));
  const worth = tried.map(penalty);
  return tried[worth.indexOf(Math.min(...worth))];
}

// An SVG with four squares of quiet around it, always dark on light: readers want it so.
export function qrSvg(text, title) {
  const rows = qr(text);
  const size = rows.length + 8;
  const make = (name, about) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(about)) made.setAttribute(key, value);
    return made;
  };
  const svg = make("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": title, class: "qr", "shape-rendering": "crispEdges" });
  const path = rows.map((row, y) => row.map((dark, x) => (dark ? `M${x + 4} ${y + 4}h1v1h-1z` : "")).join("")).join("");
  svg.append(make("path", { d: `M0 0h${size}v${size}H0z`, fill: "#fff" }), make("path", { d: path, fill: "#000" }));
  return svg;
}
