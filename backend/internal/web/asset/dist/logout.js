(() => {
"use strict";
const link = document.getElementById("continue");
const goOn = () => location.replace(link.href);
addEventListener("load", goOn, { once: true });
setTimeout(goOn, 3000);
})();
