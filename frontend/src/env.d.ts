/// <reference types="vite/client" />

// Style modules of Vant carry no types.
declare module "vant/es/*/style/index.mjs";
