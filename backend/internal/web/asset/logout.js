// Goes on from the page of an ended session when every application in a frame has answered,
// or has had its time. Without this file the browser does so by itself, a little later.
(() => {
  "use strict";
  const link = document.getElementById("continue");
  const goOn = () => location.replace(link.href);
  addEventListener("load", goOn, { once: true });
  setTimeout(goOn, 3000);
})();
