// A line to a lock: one message of the link at a time, each in a binary frame of a WebSocket that
// the hub relays. The hub can delay and drop messages; it cannot read or change one.
//
//   relay(url) → Line          throws Unreachable
//   Line: .send(bytes), .receive(seconds = 12) → bytes, .close()
//
// url: "wss://…", or a path of this page's own host.

import { Unreachable } from "./errors.js";

/** @typedef {{send(message: Uint8Array): void, receive(seconds?: number): Promise<Uint8Array>,
 *   close(): void}} Line */

const CONNECT_SECONDS = 10;
const ANSWER_SECONDS = 12; // a slow bolt's travel and three retries
const LONGEST = 16384 + 64; // a message, and what the encryption adds

const ENDED = "The door ended the conversation.";

function within(seconds, promise, sentence) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Unreachable(sentence)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** @returns {Promise<Line>} */
export async function relay(url) {
  const address = new URL(url, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  const heard = [];
  let waiting = null;
  let ended = null;
  const wake = () => {
    if (waiting && heard.length) waiting.resolve(heard.shift());
    else if (waiting && ended) waiting.reject(new Unreachable(ended));
    else return;
    waiting = null;
  };
  const end = (sentence) => {
    ended ??= sentence;
    socket.close();
    wake();
  };
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string" || data.byteLength > LONGEST) {
      return end("The door answered with something that is no message.");
    }
    heard.push(new Uint8Array(data));
    return wake();
  });
  socket.addEventListener("close", ({ reason }) => end(reason || ENDED));
  const opened = new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("close", () => reject(new Unreachable("The door cannot be reached from here.")));
  });
  try {
    await within(CONNECT_SECONDS, opened, "The door cannot be reached from here: nothing answers.");
  } catch (error) {
    end(ENDED);
    throw error;
  }
  return {
    send(message) {
      if (ended) throw new Unreachable(ended);
      socket.send(message);
    },
    receive(seconds = ANSWER_SECONDS) {
      const next = new Promise((resolve, reject) => { waiting = { resolve, reject }; });
      wake();
      return within(seconds, next, "The door stopped answering.");
    },
    close: () => end(ENDED),
  };
}
