/** The look of the page: light and dark by the reader's choice, one column on a phone, pages that break well in print. */

export const STYLE = `
:root{color-scheme:light dark;--paper:#fafaf8;--card:#fff;--ink:#24262a;--faint:#5d626b;--line:#dddcd6;--accent:#1f5fae;--good:#22703f;--warn:#8a5a00;--bad:#a92f1c;--shade:#f0efea}
@media (prefers-color-scheme:dark){:root{--paper:#16181b;--card:#1e2125;--ink:#e7e6e2;--faint:#a3a8b1;--line:#383c43;--accent:#86b6f2;--good:#7dcc98;--warn:#e3b45a;--bad:#f0907e;--shade:#272b30}}
*{box-sizing:border-box}
html{scroll-padding-top:3.5rem}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.5rem;z-index:3}
header,main,footer{max-width:72rem;margin:0 auto;padding:0 1rem}
header h1{font-size:1.8rem;line-height:1.2;margin:1.5rem 0 .25rem;overflow-wrap:anywhere}
nav{position:sticky;top:0;z-index:2;background:var(--paper);border-bottom:1px solid var(--line)}
nav ul{max-width:72rem;margin:0 auto;padding:.35rem 1rem;display:flex;gap:.25rem 1.1rem;overflow-x:auto;list-style:none}
nav a{display:inline-block;padding:.3rem 0;white-space:nowrap}
section{margin:2.2rem 0}
h2{font-size:1.4rem;border-bottom:2px solid var(--line);padding-bottom:.2rem}
h3{font-size:1.1rem;margin:1.8rem 0 .5rem}h4{font-size:.95rem;margin:0}
p{margin:.5rem 0}
time{white-space:nowrap}
.muted{color:var(--faint)}
.status{display:inline-block;font-weight:700;padding:.1rem .6rem;border-radius:1rem;border:2px solid currentColor}
.done,.pass{color:var(--good)}.failed,.lost,.reject{color:var(--bad)}.interrupted,.running,.unknown,.warn{color:var(--warn)}
.notice{border-left:4px solid var(--warn);background:var(--shade);padding:.5rem .9rem;margin:.8rem 0;overflow-wrap:anywhere}
.notice.bad{border-color:var(--bad)}.notice.good{border-color:var(--good)}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.6rem;margin:1rem 0;padding:0}
.tiles div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .7rem;min-width:0}
.tiles dt{color:var(--faint);font-size:.85rem}.tiles dd{margin:0;font-size:1.15rem;font-weight:650;overflow-wrap:anywhere}
.scroll{overflow-x:auto;margin:.7rem 0}
table{border-collapse:collapse;font-size:.92rem;width:100%}
caption{text-align:left;font-weight:650;padding:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line)}
td p{margin:0}
th{font-weight:600;color:var(--faint)}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code,pre,.path,.hash{font-family:ui-monospace,SFMono-Regular,Menlo,"Liberation Mono",monospace;font-size:.86em}
.path,td.words,code{overflow-wrap:anywhere}td.path,td.words{min-width:10rem}
.hash{overflow-wrap:anywhere;word-break:break-all;min-width:11rem}
pre{background:var(--shade);border:1px solid var(--line);border-radius:.4rem;padding:.7rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
figure{margin:.8rem 0}figure img{display:block;max-width:100%;height:auto;border:1px solid var(--line);border-radius:.3rem;background:#fff}
figcaption{color:var(--faint);font-size:.92rem;margin:.2rem 0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
.chart{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem;margin:0;min-width:0}
.chart figcaption{color:var(--ink)}
.plot{width:100%;height:auto;display:block;touch-action:pan-y}
.plot text{fill:var(--faint);font-size:12px}.plot .level-name{fill:var(--ink)}
.grid{stroke:var(--line)}.axis,.level,.cursor{stroke:var(--faint);fill:none}.level{stroke-dasharray:5 4}.cursor{stroke:var(--ink)}
.legend{display:flex;flex-wrap:wrap;gap:.1rem .9rem;list-style:none;margin:.15rem 0;padding:0;font-size:.9rem}
.key{width:1rem;height:.25rem;margin-right:.35rem;vertical-align:middle}
.reading{display:flex;flex-wrap:wrap;align-items:center;gap:.2rem .6rem;font-size:.9rem}
.reading input{flex:1 1 8rem;min-width:6rem}
.reading output{flex:1 1 100%;font-variant-numeric:tabular-nums;min-height:1.5em}
input[type=range]{accent-color:var(--accent);height:1.8rem}
.swatch{width:2.6rem;height:1.3rem;border:1px solid var(--line);border-radius:.2rem;vertical-align:middle}
.bar{width:7rem;height:.7rem;background:var(--shade)}
.js{display:none}.scripted .js{display:flex}.scripted .frame[data-off]{display:none}
.frames figure{margin:.4rem 0}
details{margin:.6rem 0}summary{cursor:pointer;padding:.25rem 0;color:var(--accent)}
footer{color:var(--faint);font-size:.9rem;padding-bottom:2rem}
@media (max-width:36rem){header h1{font-size:1.45rem}.tiles{grid-template-columns:1fr 1fr}.tiles dd{font-size:1.02rem}}
@media print{nav,.skip,.scripted .js,.js{display:none}body{background:#fff;font-size:11pt}section{break-before:auto}figure,tr,.chart,.tiles div{break-inside:avoid}.scroll{overflow:visible}h2,h3{break-after:avoid}}
`
