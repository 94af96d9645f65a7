// Loads the page anew after a while: what it waits for may be there.

setTimeout(() => location.reload(), 1_500);
