// An EventTarget whose events carry a value, with less to write for sender and listener.

export class Emitter extends EventTarget {
  /** Call `listener` with the detail of every event of this type. @param {string} type @param {(detail: any) => void} listener */
  on(type, listener) {
    this.addEventListener(type, (event) => listener(/** @type {CustomEvent} */ (event).detail));
  }

  /** @param {string} type @param {unknown} [detail] */
  emit(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
