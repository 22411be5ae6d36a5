/** An object that is like another one but for some members, and no instance of its class; its methods go on working on the other one. */
export function altered<T extends object>(original: T, changes: Partial<T>): T {
  return new Proxy({} as T, {
    get(_, key) {
      if (Object.hasOwn(changes, key)) return Reflect.get(changes, key) as unknown;
      const value: unknown = Reflect.get(original, key);
      return typeof value === 'function' ? (value.bind(original) as unknown) : value;
    },
  });
}
