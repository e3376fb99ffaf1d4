#!/bin/bash
# report.sh: is the report of a small folder of results whole, escaped and self-contained, and does a browser show it as it should, on a
# phone, a desk and paper? Trainings of seconds; what takes a browser is skipped without chromium. Ends with "N passed, N failed".
set -u

bso=$(readlink -f "${BSO:-build/bso}")
work=$(mktemp -d "${TMPDIR:-/tmp}/bso-report-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
cd "$(dirname "$0")/.." || exit 1
shown='log'
. tests/lib/check.sh
unset BSO_DATA_DIR

# A name and a label that would break a page that does not escape them.
dir="$work/odd & <i>\"name\"'s"
html=$dir/report.html md=$dir/report.md
mkdir "$dir"

run() { "$bso" "$@" >> "$work/log" 2>&1; }
has() { grep -qF -- "$2" "$1"; }

# ---- Results ----

cat > "$work/odd.conf" << 'CONF'
name = "odd";
common = { dataset = "fashion-mnist"; network = "8C3-AP2-8C3-GAP-FC"; train_samples = 64; test_samples = 64; batch = 16; epochs = 2;
           steps = [2, 3]; seed = [1, 2]; };
cells = (
    { method = "bso"; measure = "cosine+flips"; parts = "table2+fig5+fig3+flips"; },
    { method = "tbso"; label = "T-BSO <script>alert(1)</script> & \"quoted\" | *b*"; parts = "table2+fig5"; },
    { method = "sgd_ste"; }
);
CONF
run sweep "$work/odd.conf" --out "$dir"
check "trainings are there" [ "$(find "$dir/runs" -name '*.h5' 2> /dev/null | wc -l)" = 12 ]
run regret --out "$dir" --rounds 200 --seeds 2 --family adversary
run memory --out "$dir" --network 8C3-8C3-GAP-FC --steps-max 3 --no-measure
check "regret and memory are there" [ -d "$dir/regret" -a -d "$dir/memory" ]
mkdir -p "$dir/plots"
printf '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 500"><rect width="900" height="500" fill="#77c"/></svg>\n' > "$dir/plots/accuracy_epoch.svg"

run report "$dir"
check "the report is made: exit status 0" [ $? = 0 ]
check "two files, and nothing beside them" [ "$(find "$dir" -maxdepth 1 -name 'report*' | wc -l)" = 2 ]

# ---- The files ----

check "18 claims in each" [ "$(grep -c '^\*\*Verdict: ' "$md")" = 18 -a "$(grep -c '<article id="claim-' "$html")" = 18 ]
check "a rule for each verdict" [ "$(grep -c '<summary>How the verdict is made</summary>' "$html")" = 18 ]
check "T-BSO's scalars are exact: the direction of claim 3 is seen on another network" \
    has "$html" 'article id="claim-3" class="seen"'
check "two seeds decide nothing" has "$html" 'article id="claim-4" class="inconclusive"'
check "the paper's figures stand beside" has "$html" '58.18 GB at T = 35, 20.3 times'
check "labels are escaped" has "$html" 'T-BSO &lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quoted&quot; | *b*'
check "in Markdown, too" has "$md" 'T-BSO \<script>alert(1)\</script> \& "quoted" \| \*b\*'
check "so is the folder's name" has "$html" '<title>Results: odd &amp; &lt;i&gt;&quot;name&quot;&#39;s</title>'
check "one script, one style" [ "$(grep -c '<script>' "$html")" = 1 -a "$(grep -c '<style>' "$html")" = 1 ]
loads() { grep -oE '(src|href|url|data|action)="?[^" >]*' "$html" | grep -vE '^(src="data:|href="#)'; grep -E '@import|url\(' "$html"; }
check "nothing is loaded from elsewhere" [ -z "$(loads)" ]
check "ids are unique" [ -z "$(grep -oE ' id="[^"]*"' "$html" | sort | uniq -d)" ]
dangling() { grep -oE 'href="#[^"]*"' "$html" | sort -u | sed 's/href="#\(.*\)"/ id="\1"/' | while read -r id; do grep -qF "$id" "$html" || echo "$id"; done; }
check "links lead somewhere" [ -z "$(dangling)" ]

# Every tag is closed in its turn. Text has no < of its own.
nesting() {
    awk '/<style>/ { skip = 1 } /<script>/ { skip = 1 }
         /<\/style>/ || /<\/script>/ { skip = 0; next }
         !skip { line = $0
             while (match(line, /<[^>]*>/)) {
                 tag = substr(line, RSTART + 1, RLENGTH - 2); line = substr(line, RSTART + RLENGTH)
                 name = tag; sub(/[ \n].*/, "", name)
                 if (name == "!DOCTYPE" || name == "meta" || name == "img") continue
                 if (substr(name, 1, 1) != "/") { stack[++depth] = name; continue }
                 if (depth == 0 || "/" stack[depth] != name) { print "line " NR ": <" name "> closes " stack[depth]; exit }
                 depth--
             }
         }
         END { if (depth) print depth " not closed: " stack[depth] }' "$1"
}
nesting "$html" > "$work/log"
check "tags are nested" [ ! -s "$work/log" ]
sed 's/<\/details>//' "$html" > "$work/broken.html"
check "(that check can fail)" [ -n "$(nesting "$work/broken.html")" ]

# ---- What is gone is not told of ----

cp -r "$dir" "$work/less"
rm -r "$work/less/runs" "$work/less/memory"
run report "$work/less"
check "without trainings: exit status 0" [ $? = 0 ]
check "without trainings: says so" has "$work/less/report.md" 'No training is among these results'
check "the verdicts as a table" [ "$(grep -c '^[0-9]*,' "$dir/tables/claims.csv")" = 18 ]
check "without memory: claim 1 is not tested" has "$work/less/report.html" 'article id="claim-1" class="untested"'
rm -r "$work/less/regret"
"$bso" report "$work/less" > "$work/log" 2>&1
check "nothing at all: exit status 1, one line" [ $? = 1 -a "$(grep -c '' "$work/log")" = 1 ]
cp -r "$dir/memory" "$work/less/memory"
for file in "$work/less/memory"/*.h5; do truncate -s -100 "$file"; break; done
"$bso" report "$work/less" > "$work/log" 2>&1
check "a damaged file: exit status 1, named, and the report says so" \
    [ $? = 1 -a "$(grep -c "$(basename "$file")" "$work/log")" = 1 -a "$(grep -c 'could not be read' "$work/less/report.md")" = 1 ]

# ---- In a browser ----

browser() { # arguments of chromium...
    timeout 120 chromium --headless --disable-gpu --no-first-run --hide-scrollbars --user-data-dir="$work/profile" \
        $([ "$(id -u)" = 0 ] && echo --no-sandbox) "$@" 2> /dev/null
}

# The report with a script at its end that tells what it sees, in a frame of a given width: a window cannot be so narrow.
cat > "$work/probe.js" << 'JS'
<script>
window.addEventListener('load', () => {
    const say = (what, yes) => parent.postMessage(what + ': ' + (yes ? 'yes' : 'no') + '\n', '*');
    const root = document.documentElement;
    say('fits', root.scrollWidth <= window.innerWidth);
    say('reads', document.querySelectorAll('article').length === 18 && document.querySelector('h1').offsetHeight > 0);
    say('labels', !document.querySelector('article i') && document.body.textContent.includes('<script>alert(1)</' + 'script>'));
    const column = (table, c) => Array.from(table.tBodies[0].rows, row => row.cells[c].textContent);
    const list = document.querySelector('#claims table');
    const buttons = list.querySelectorAll('thead button');
    buttons[2].click();
    const up = column(list, 2);
    say('sorts words', up.join() === up.slice().sort((a, b) => a.localeCompare(b)).join() && buttons[2].parentNode.getAttribute('aria-sort') === 'ascending');
    buttons[0].click();
    buttons[0].click();
    say('sorts numbers', column(list, 0).join() === Array.from({length: 18}, (x, i) => 18 - i).join());
    window.dispatchEvent(new Event('beforeprint'));
    say('unfolds', Array.from(document.querySelectorAll('details')).every(part => part.open));
    const picture = document.querySelector('#plot-accuracy_epoch img');
    say('picture', picture.complete && picture.naturalWidth > 0);
    say('done', true);
});
</script>
JS
probe() { # width, height: page with the frame
    { sed '/<\/body>/,$d' "$html"; cat "$work/probe.js"; echo '</body></html>'; } > "$work/probe.html"
    printf '<!DOCTYPE html><html><body style="margin:0"><iframe src="probe.html" style="border:0" width="%s" height="%s"></iframe><pre id="said"></pre>
        <script>addEventListener("message", e => { document.getElementById("said").textContent += e.data; });</script></body></html>\n' "$1" "$2" > "$work/frame.html"
    browser --virtual-time-budget=10000 --window-size=1400,1000 --dump-dom "file://$work/frame.html" > "$work/log"
}

if command -v chromium > /dev/null; then
    for width in 390 1280; do
        probe $width 3000
        for what in fits reads labels 'sorts words' 'sorts numbers' unfolds picture done; do
            check "$width pixels: $what" grep -q "^\(<.*>\)\?$what: yes" "$work/log"
        done
        browser --window-size=$width,2000 --screenshot="$work/$width.png" "file://$work/frame.html" > /dev/null
        # A blank page of that size packs into 10 kB.
        check "$width pixels: something is drawn" [ "$(stat -c %s "$work/$width.png" 2> /dev/null || echo 0)" -gt 40000 ]
    done
    browser --no-pdf-header-footer --print-to-pdf="$work/report.pdf" "file://$work/probe.html" > /dev/null
    check "it prints" [ "$(head -c 5 "$work/report.pdf" 2> /dev/null)" = %PDF- ]
else
    echo 'skipped: chromium is not installed'
fi

totals
