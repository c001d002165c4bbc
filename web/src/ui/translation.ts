/**
 * The type of a catalogue in another language: the same messages with the same parameters as in
 * English. A message that is missing, has other parameters or does not exist in English is a type
 * error.
 */
export type Translation<T> = T extends string
  ? string
  : T extends (...values: infer V) => infer R
    ? (...values: V) => Translation<R>
    : T extends object
      ? { [K in keyof T]: Translation<T[K]> }
      : T
