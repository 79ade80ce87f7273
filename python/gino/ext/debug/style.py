"""The style of the page, light and dark.

Owns: colours and distances.
Never does: load a font or an image.
Called by: `gino.ext.debug.page`.
"""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--text:#1d2430;--soft:#5d6879;
--line:#e1e5eb;--code:#f1f3f7;--busy:#d9822b;--idle:#2f9e72;--free:#dfe3e9;--bad:#c43a31;--good:#24805c;
--link:#2a66c8;--advice:#e8f5ef;--advice-line:#2f9e72}
@media(prefers-color-scheme:dark){:root{--back:#12151b;--card:#1b2029;--text:#e4e8ef;--soft:#95a1b3;
--line:#2c3440;--code:#141920;--busy:#e8a04e;--idle:#45bd8e;--free:#343d4a;--bad:#ff7b70;
--good:#55cc9d;--link:#82b1ff;--advice:#16281f;--advice-line:#45bd8e}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1.5rem 1.25rem 4rem;background:var(--back);
color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{margin:0;font-size:1.6rem}h2{margin:0;font-size:1.05rem}
p{margin:.35rem 0}a{color:var(--link)}dl,dd{margin:0}dt,.words,.empty,.soft{color:var(--soft)}
header{display:flex;flex-wrap:wrap;gap:1rem 2rem;justify-content:space-between;align-items:end;
margin-bottom:1.25rem}header p{color:var(--soft)}header dl{display:flex;flex-wrap:wrap;gap:.75rem}
.fact{min-width:6.5rem;padding:.5rem .85rem;background:var(--card);border:1px solid var(--line);
border-radius:10px}.fact dt{font-size:.8rem}.fact dd{font-size:1.35rem;font-weight:650;
font-variant-numeric:tabular-nums}.fact.bad dd,b.bad,td.bad{color:var(--bad)}
.fact.good dd{color:var(--good)}
section{margin:0 0 1rem;padding:1rem 1.15rem;background:var(--card);border:1px solid var(--line);
border-radius:12px}.words{margin:0 0 .75rem;font-size:.88rem}.empty{font-style:italic}
.slots{display:flex;flex-wrap:wrap;gap:4px;margin:.25rem 0 .5rem}
.slots i{flex:0 1 2.6rem;height:1.35rem;border-radius:5px;background:var(--free)}
.slots .busy{background:var(--busy)}.slots .idle{background:var(--idle)}
#pool dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.6rem,1fr));gap:.5rem;
margin-top:.75rem}#pool dt{font-size:.8rem}#pool dd{font-weight:600;
font-variant-numeric:tabular-nums}
article{padding:.75rem 0;border-top:1px solid var(--line)}
.scroll{overflow-x:auto}table{width:100%;border-collapse:collapse}
th{padding:.3rem .6rem;font-size:.78rem;font-weight:500;text-align:left;color:var(--soft);
border-bottom:1px solid var(--line)}td{padding:.5rem .6rem;vertical-align:top;
border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}
tr:last-child td{border-bottom:0}.n{text-align:right;white-space:nowrap}
td.wide{width:60%;min-width:16rem}
pre{margin:0;padding:.45rem .65rem;overflow-x:auto;background:var(--code);border-radius:7px;
white-space:pre-wrap;overflow-wrap:anywhere}
code{font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
td pre{max-height:9rem;overflow-y:auto;margin-top:.2rem}
td pre:first-child{margin-top:0}.wide{overflow-wrap:anywhere}
.advice{background:var(--advice);border-left:3px solid var(--advice-line)}
.state{padding:.05rem .5rem;border-radius:99px;font-size:.8rem;white-space:nowrap;
background:var(--code);color:var(--soft)}
.state.in-transaction{color:var(--busy)}.state.failed,.state.closed{color:var(--bad)}
.state.idle{color:var(--good)}
meter{width:3.5rem;height:.5rem;vertical-align:middle}
@media(max-width:40rem){meter{display:none}td,th{padding:.35rem .4rem}}
"""
