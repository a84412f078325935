// What can go wrong, in sentences for people. `check` is the number that the spec gives it.

class Theirs extends Error {
  constructor(check, message) {
    super(`${message} (${check})`);
    this.name = new.target.name;
    this.check = check;
  }
}

/** Not in the form that the spec asks for. Its number says more than people need to read. */
export class Malformed extends Theirs {
  constructor(check, message = "That cannot be read: it is damaged, or of another version.") {
    super(check, message);
  }
}

/** In the right form, but a signature, a key, a binding or a bound does not hold. */
export class Untrusted extends Theirs {}

/** The other end did not answer, or stopped answering. */
export class Unreachable extends Error {
  name = "Unreachable";
}

/** The door was asked and its answer never came: what happened there is not known. */
export class AnswerLost extends Unreachable {
  name = "AnswerLost";
}

/** This browser lacks what is needed to hold keys. */
export class Unable extends Error {
  name = "Unable";
}

/** The door said no. `coarse` is all that it says: not_allowed, not_now, show_more or malformed. */
export class Declined extends Error {
  name = "Declined";

  constructor(coarse) {
    super(WORDS[coarse] ?? "The door said no.");
    this.coarse = coarse;
  }
}

const WORDS = {
  not_allowed: "The door does not let this key in.",
  not_now: "The door does not let this key in now.",
  show_more: "The door asks for more than was shown.",
  malformed: "The door could not read what was shown.",
};
