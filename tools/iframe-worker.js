// From disk, browsers start no workers: there search runs in a hidden frame that answers like one.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      const script = new URL(url, location.href).href;
      this.frame.srcdoc = `<base href="${script}"><script>
        window.importScripts = (...urls) => Promise.all(urls.map(url => new Promise((done, failed) => {
          const one = document.createElement("script");
          one.src = url; one.onload = done; one.onerror = failed;
          document.head.append(one);
        })));
        window.postMessage = data => parent.postMessage({ worker: true, data }, "*");
      <\/script><script src="${script}"><\/script>`;
      this.listen = event => {
        if (event.source !== this.frame.contentWindow || !event.data?.worker) return;
        const message = new MessageEvent("message", { data: event.data.data });
        this.dispatchEvent(message);
        this.onmessage?.(message);
      };
      addEventListener("message", this.listen);
      this.frame.onload = () => { this.ready = true; this.waiting.splice(0).forEach(data => this.postMessage(data)); };
      const attach = () => document.body.append(this.frame);
      document.body ? attach() : addEventListener("DOMContentLoaded", attach);
    }
    postMessage(data) {
      if (!this.ready) this.waiting.push(data);
      else this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) }));
    }
    terminate() {
      removeEventListener("message", this.listen);
      this.frame.remove();
    }
  };
}
