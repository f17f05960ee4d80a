// The browser's storage. If the user blocks it, a value lasts as long as the page.

// `storage` is a function, because even reading window.localStorage throws if storage is blocked.
export function stored(storage, key) {
  let here = null;
  return {
    get() {
      try { return storage().getItem(key) ?? here; } catch { return here; }
    },
    set(value) {
      here = value;
      try { storage().setItem(key, value); } catch { /* the value lasts as long as the page */ }
    },
  };
}
