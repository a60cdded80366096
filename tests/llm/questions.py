"""Questions, to see what a threshold takes for alike: in other words, with one word that decides, and many of one field."""

OTHER_WORDS = [
    ("How do I reset my password?", "How can I reset my password?"),
    ("What are your opening hours?", "When are you open?"),
    ("How can I cancel my subscription?", "How do I cancel my subscription?"),
    ("What is the capital of France?", "What's the capital of France?"),
    ("Tell me how to file an expense report.", "How do I file an expense report?"),
    ("How do I change my delivery address?", "How can I change the delivery address?"),
    ("Where can I find my invoice?", "Where do I find my invoices?"),
    ("What is your refund policy?", "What's your policy on refunds?"),
    ("How long does shipping take?", "How long will shipping take?"),
    ("Do you ship to Germany?", "Can you ship to Germany?"),
    ("Please explain what a mortgage is.", "Explain what a mortgage is"),
    ("what are the side effects of ibuprofen", "What are the side effects of ibuprofen?"),
    ("How do I contact support?", "How can I get in touch with support?"),
    ("Can I pay by credit card?", "Is it possible to pay with a credit card?"),
    ("I forgot my password, what should I do?", "What should I do if I forgot my password?"),
    ("How do I update my email address?", "How can I update my e-mail address?"),
]
ONE_WORD_DECIDES = [
    ("Can I take ibuprofen with alcohol?", "Can I take paracetamol with alcohol?"),
    ("Is it safe to take aspirin during pregnancy?", "Is it not safe to take aspirin during pregnancy?"),
    ("What is the maximum dose of ibuprofen for adults?", "What is the maximum dose of ibuprofen for children?"),
    ("What is the maximum dose of ibuprofen for adults?", "What is the minimum dose of ibuprofen for adults?"),
    ("How do I take 5 mg of warfarin?", "How do I take 50 mg of warfarin?"),
    ("Should I buy shares of Apple now?", "Should I sell shares of Apple now?"),
    ("Convert 100 dollars to euros", "Convert 1000 dollars to euros"),
    ("Convert 100 dollars to euros", "Convert 100 euros to dollars"),
    ("How do I raise my credit limit?", "How do I lower my credit limit?"),
    ("Is my account overdrawn?", "Is my account not overdrawn?"),
    ("What are the symptoms of type 1 diabetes?", "What are the symptoms of type 2 diabetes?"),
    ("Can diabetics eat bananas?", "Can diabetics not eat bananas?"),
    ("How do I open an account?", "How do I close my account?"),
    ("What was the inflation rate in 2022?", "What was the inflation rate in 2023?"),
    ("How do I enable two-factor authentication?", "How do I disable two-factor authentication?"),
    ("Is the payment due before Friday?", "Is the payment due after Friday?"),
    ("What happens if I take too much insulin?", "What happens if I take too little insulin?"),
    ("Do I have hypertension?", "Do I have hypotension?"),
    ("What is the capital of Australia?", "What is the capital of Austria?"),
    ("Does the fund pay dividends to holders?", "Does the fund charge fees to holders?"),
    ("Transfer 50 euros from savings to checking", "Transfer 50 euros from checking to savings"),
    ("Who owes Anna money?", "Whom does Anna owe money?"),
    ("Is chest pain on the left side dangerous?", "Is chest pain on the right side dangerous?"),
    ("Can I drink alcohol while taking metronidazole?", "Can I drink coffee while taking metronidazole?"),
]
MEDICINES = (
    "ibuprofen paracetamol aspirin warfarin insulin metformin amoxicillin naproxen codeine morphine lisinopril "
    "atorvastatin omeprazole sertraline prednisone gabapentin tramadol losartan albuterol furosemide"
).split()
ASKED_OF_EACH = (
    "What are the side effects of {}?", "Can I take {} with alcohol?", "Is {} safe during pregnancy?",
    "What is the usual dose of {}?", "How does {} work?", "Can children take {}?", "What happens if I miss a dose of {}?",
    "Does {} interact with grapefruit?", "How long does {} stay in the body?", "Is {} addictive?",
    "Can I stop taking {} suddenly?", "What is {} used for?", "Can I drive after taking {}?",
    "Is there a generic version of {}?", "How should I store {}?", "Can {} cause weight gain?",
    "Does {} need a prescription?", "Can I crush {} tablets?", "How quickly does {} start to work?",
    "What should I do after an overdose of {}?", "Can older people take {}?", "Does {} raise blood pressure?",
    "Can I take {} on an empty stomach?", "Is {} better than a placebo?", "How much does {} cost?",
    "Is {} covered by insurance?", "Who invented {}?", "Can dogs take {}?", "What does {} taste like?",
    "Is {} an antibiotic?", "Where can I buy {}?", "Can I breastfeed while on {}?", "Does {} make you sleepy?",
    "Does {} affect the liver?", "What if I am allergic to {}?", "Can I take {} before surgery?", "Does {} expire?",
    "Can I split {} into halves?", "Does {} affect my periods?", "Is {} banned in sport?", "How often can I take {}?",
    "Does {} help with a headache?", "Can I take {} with food?", "Can {} cause hair loss?", "Is {} a steroid?",
    "Does {} thin the blood?", "Can I take {} every day?", "Is {} dangerous?", "Does {} affect sleep?",
    "Does {} interact with alcohol?",
)  # fmt: skip
OF_ONE_FIELD = [question.format(medicine) for question in ASKED_OF_EACH for medicine in MEDICINES]
