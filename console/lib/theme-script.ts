export const themeKey = 'clavex.theme';

/** Runs before the first paint, so that a dark room sees no white flash. */
export const themeScript = `try{var t=localStorage.getItem('${themeKey}');if(t==='light'||t==='dark')document.documentElement.dataset.theme=t}catch(e){}`;
