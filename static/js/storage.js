// The browser's storage. It may be forbidden; then a value lasts as long as the page.

// `storage` is a function, because reading window.localStorage already throws where it is forbidden.
export function stored(storage, key) {
  let here = null;
  return {
    get() {
      try { return storage().getItem(key) ?? here; } catch { return here; }
    },
    set(value) {
      here = value;
      try { storage().setItem(key, value); } catch { /* it lasts as long as the page */ }
    },
  };
}
