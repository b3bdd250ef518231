UPDATE entry SET drifted = true, drifted_to = 'a1b2';
