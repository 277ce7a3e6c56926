// An EventTarget whose events carry a value: less to write for who sends and who listens.

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
